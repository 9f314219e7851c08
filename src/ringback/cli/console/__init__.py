"""Options, output, exit statuses and pictures, shared by the commands."""
