"""Flag definitions; the only place, with tools/, that knows absl.flags."""
