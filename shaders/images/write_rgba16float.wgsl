// Rows of images into a texture of this format.

@group(0) @binding(2) var picture: texture_storage_2d<rgba16float, write>;

//#include "../lib/write_image.wgsl"
