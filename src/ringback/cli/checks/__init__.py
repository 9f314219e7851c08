"""The checks of ringback doctor and ringback models check."""
