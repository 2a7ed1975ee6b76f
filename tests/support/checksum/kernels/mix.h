#ifndef MIX_H_
#define MIX_H_

unsigned long mix(unsigned char byte);

#endif  // MIX_H_
