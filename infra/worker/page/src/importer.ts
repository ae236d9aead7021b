const ADDRESS = /https?:[^\s?]+/;

/**
 * What `script` imports, as often as it takes: browsers keep to it that a script could not be fetched
 * (https://github.com/whatwg/html/issues/6768), so it is asked for by another address then, which their error tells.
 */
export function importer<Exports>(script: () => Promise<Exports>): () => Promise<Exports> {
  let other: string | undefined;
  return async () => {
    try {
      return await (other ? import(/* @vite-ignore */ other) : script());
    } catch (error) {
      const failed = ADDRESS.exec(String(error))?.[0];
      other = failed && `${failed}?${Date.now()}`;
      throw error;
    }
  };
}
