/** The setup of a speech model: the instructions and tools of the dialog, and the tool that ends the call. */
import type { SpeechSetup, SpeechTool } from '../../../adapters/realtime/port.ts';
import type { Bus } from '../../../bus/service.ts';
import { dialog } from '../../../contracts/dialog.ts';
import type { InputOf } from '../../../contracts/kit/define.ts';
import { endCall } from './machine.ts';

const endTool: SpeechTool = {
  name: endCall,
  description: 'Ends the call after your last words.',
  parameters: { type: 'object', properties: {} },
};

export async function setupOf(
  bus: Pick<Bus, 'call'>,
  customer: InputOf<typeof dialog.list_tools>,
  signal: AbortSignal,
): Promise<SpeechSetup> {
  const { instructions, tools } = await bus.call(dialog.list_tools, customer, { signal });
  const listed = tools.map(({ name, description, parameters }) => ({
    ...{ name, description },
    parameters: parameters as SpeechTool['parameters'],
  }));
  return { instructions, tools: [...listed, endTool] };
}
