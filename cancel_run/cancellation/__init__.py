"""What one cancellation is and knows: pure, no I/O and no clock."""
