// What the sketch uses of Arduino.
#ifndef ARDUINO_H_
#define ARDUINO_H_

struct SerialLine {
  void begin(unsigned long baud);
  explicit operator bool() const;
  int available();
  int read();
  unsigned long print(const char *text);
};
extern SerialLine Serial;

unsigned long millis();
void delay(unsigned long milliseconds);

#endif  // ARDUINO_H_
