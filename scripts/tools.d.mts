/** The folder tools/NAME, with its packages installed. */
export function toolsFolder(name: string): Promise<string>;
