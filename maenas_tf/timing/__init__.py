"""How long steps, input and tracing take, and how much memory."""
