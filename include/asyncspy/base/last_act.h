/*
 * What is to be done before the program ends from within, because memory is out or a signal ends
 * it: a terminal is given back. No argument leads to where that happens, so this is the one
 * variable that can be written besides those of the log.
 */
#pragma once

/* `act` may only do what is safe in the handler of a signal (signal-safety(7)). NULL: there is
 * nothing to do any more. */
void last_act_set(void (*act)(const void *context), const void *context);

/* Does it, if there is something; once. */
void last_act_do(void);
