"""What a run shows: TensorBoard, event files, history."""
