/** The kernel as an oracle: Debian's kernel with its IPVS in a virtual machine, and what is recorded from it. */
export { type KernelImage, prepareImage } from './image.ts';
export { runInMachine, SHARED_FOLDER } from './machine.ts';
