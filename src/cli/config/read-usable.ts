/** A file whose configuration could be run; for one that could not be, what is wrong with it is on standard error. */
import { hasErrors } from '../../base/index.ts';
import { renderDiagnostic } from '../../config/index.ts';
import { type CheckedFile, type FileIo, readConfigurationFile } from '../files/index.ts';

/** Whether the interfaces and programs of the file exist here is not asked: the file may be another director's. */
export function readUsable(file: string, command: string, io: FileIo): CheckedFile | undefined {
  try {
    const checked = readConfigurationFile(file, { ...io, hostInterfaces: undefined, findProgram: undefined });
    if (!hasErrors(checked.diagnostics)) return checked;
    const texts = new Map(checked.sources.map((source) => [source.file, source.text]));
    for (const diagnostic of checked.diagnostics)
      if (diagnostic.severity === 'error') io.err(`${renderDiagnostic(diagnostic, texts.get(diagnostic.file))}\n\n`);
    io.err(`vipwright config ${command}: ${file} has errors, so nothing would run with it.\n`);
  } catch (error) {
    io.err(`vipwright config ${command}: ${(error as Error).message}\n`);
  }
  return undefined;
}
