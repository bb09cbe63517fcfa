"""Ground and boxes, and how a motion is set upon them."""
