"""Speech, music and sounds of a scene, from a prompt."""
