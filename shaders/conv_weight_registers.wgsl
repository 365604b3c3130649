// A convolution's gradient by its weight (lib/conv_weight.wgsl) in registers.

//#include "lib/conv_weight.wgsl"
//#include "lib/conv_weight_aligned.wgsl"
//#include "lib/rows_own.wgsl"
//#include "lib/product_registers.wgsl"
