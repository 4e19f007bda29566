/** Every violation as one line, and how many modules were seen under `root`. */
export function checkArrows(root: string, folders: readonly string[]): Promise<{ modules: number; violations: string[] }>;
