"""What drives the word lines of a tile: ideal sources, or circuits with logic inputs."""
