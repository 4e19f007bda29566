/** What virtual routers track outside the network: numbers in files, running processes. */
export { type FileReading, FileSensor } from './file-sensor.ts';
export { type ProcessReading, ProcessSensor } from './process-sensor.ts';
