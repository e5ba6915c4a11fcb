export function servePage(options?: {
  readonly port?: number;
  readonly isolation?: boolean;
}): Promise<{ readonly url: string; close(): Promise<void> }>;
