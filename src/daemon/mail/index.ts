/** Alert mail. */
export { type MailCounts, MailSender, type MailSenderOptions } from './sender.ts';
