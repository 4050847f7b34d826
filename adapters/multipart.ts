/** A file of a form. */
export interface FormFile {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly contentType: string;
}

/** Headers and body of a `multipart/form-data` request. */
export async function multipart(
  fields: readonly (readonly [name: string, value: string | FormFile])[],
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }> {
  const form = new FormData();
  for (const [name, value] of fields)
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, new Blob([value.bytes as Uint8Array<ArrayBuffer>], { type: value.contentType }), value.name);
  const encoded = new Response(form);
  return {
    headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
    body: new Uint8Array(await encoded.arrayBuffer()),
  };
}
