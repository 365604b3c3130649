/** Images of the visitor's own that are read at most. */
export const MAX_IMAGES = 100_000;
