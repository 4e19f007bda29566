export function buildBpf(): Promise<void>;
export function compileChanged(file: string, object: string, change: (source: string) => string): void;
