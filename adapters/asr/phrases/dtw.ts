/** Similarity of two sequences of vectors spoken at different speeds, by dynamic time warping (Sakoe and Chiba, 1978). */

/** Vectors of length 1, `dimensions` numbers each, one after the other. */
export type Vectors = Float32Array;

/**
 * Mean cosine distance along the best alignment, from 0 (the same) to about 1 (unrelated).
 * @param most the computation stops above this distance and returns Infinity
 */
export function distance(a: Vectors, b: Vectors, dimensions: number, most = Infinity): number {
  const [rows, columns] = [a.length / dimensions, b.length / dimensions];
  const limit = most * (rows + columns);
  let above = new Float64Array(columns + 1).fill(Infinity);
  above[0] = 0;
  for (let row = 0; row < rows; row += 1) {
    const here = new Float64Array(columns + 1).fill(Infinity);
    let least = Infinity;
    for (let column = 0; column < columns; column += 1) {
      const before = Math.min(above[column] as number, above[column + 1] as number, here[column] as number);
      if (before > limit) continue;
      let product = 0;
      for (let at = 0, [i, j] = [row * dimensions, column * dimensions]; at < dimensions; at += 1)
        product += (a[i + at] as number) * (b[j + at] as number);
      const sum = before + 1 - product;
      here[column + 1] = sum;
      if (sum < least) least = sum;
    }
    if (least > limit) return Infinity;
    above = here;
  }
  return (above[columns] as number) / (rows + columns);
}

/** Subtracts the mean of all speech and scales each vector to length 1. */
export function normalized(vectors: Float32Array, mean: Float32Array): Vectors {
  const dimensions = mean.length;
  const made = new Float32Array(vectors.length);
  for (let from = 0; from < vectors.length; from += dimensions) {
    let energy = 0;
    for (let at = 0; at < dimensions; at += 1) {
      const value = (vectors[from + at] as number) - (mean[at] as number);
      made[from + at] = value;
      energy += value ** 2;
    }
    const length = Math.sqrt(energy) || 1;
    for (let at = 0; at < dimensions; at += 1) made[from + at] = (made[from + at] as number) / length;
  }
  return made;
}
