/** The package has no types of its own. */
declare module '@echogarden/fvad-wasm' {
  export default function load(): Promise<unknown>;
}
