export function layoutVersion(files: Readonly<Record<string, string>>): number;
export function layoutVersionFile(files: Readonly<Record<string, string>>): string;
