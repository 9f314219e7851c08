"""Node apps: graphs of steps, pushed once and executed as jobs. Pure, without HTTP or storage."""
