// What the demo uses of Zephyr.
#ifndef ZEPHYR_UART_H_
#define ZEPHYR_UART_H_

struct device;
extern const struct device console_uart;
#define DT_CHOSEN(name) name
#define DEVICE_DT_GET(node) (&console_uart)

int uart_poll_in(const struct device *uart, unsigned char *byte);
void uart_poll_out(const struct device *uart, unsigned char byte);

#endif  // ZEPHYR_UART_H_
