"""The engine that draws by itself: no weights, no network, a picture worth looking at."""
