#!/usr/bin/env node
console.error('the command line is not written yet');
process.exitCode = 1;
