/** Written by `node test/talk-eval/learn-cadence.ts`: the bias, then the weight of each feature of `cadence.ts`: lowest, end, aboveFloor, lately, decline, voiced. */
export const weights = {
  newSpeaker: [-1.74, -0.256, -0.0122, -0.122, 0.0389, -0.0772, -1.28],
  knownSpeaker: [-0.263, -0.547, 0.809, -0.872, -0.409, 0.213, -1.27],
} as const;
