"""What hardwired matrices are compared with: one multiplier by Booth's digits per weight, whose codes are inputs."""


def booth(name: str, outputs: int, inputs: int, bits: int) -> str:
    """Return a module of the same sums with a multiplier per weight: codes are the input `codes`."""
    lines = [
        f"module {name} (input wire [{8 * inputs - 1}:0] x, input wire [{8 * inputs * outputs - 1}:0] codes,",
        f"    output wire [{bits * outputs - 1}:0] y);",
    ]
    for o in range(outputs):
        products = [
            f"({bits})'($signed(x[{8 * i}+:8])) * ({bits})'($signed(codes[{8 * (o * inputs + i)}+:8]))"
            for i in range(inputs)
        ]
        lines.append(f"  assign y[{bits * o}+:{bits}] = {' + '.join(products)};")
    return "\n".join([*lines, "endmodule\n"])
