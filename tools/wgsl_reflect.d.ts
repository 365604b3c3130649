/** wgsl_reflect's package entry cannot be imported by Node's ESM loader; its module file has the same exports. */
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export * from 'wgsl_reflect';
}
