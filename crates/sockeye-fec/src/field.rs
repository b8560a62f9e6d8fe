//! Arithmetic in GF(2⁸), the field with 256 elements: polynomials over GF(2) modulo x⁸ + x⁴ + x³ + x² + 1.
//! (The field of RFC 5510 §8 for m = 8.)

/// The modulus without its highest power.
const MODULUS: u8 = 0x1d;

/// Powers of x, twice, so that sums of two logarithms need no reduction.
static EXP: [u8; 510] = {
    let mut exp = [0; 510];
    let mut value = 1u8;
    let mut power = 0;
    while power < 255 {
        exp[power] = value;
        exp[power + 255] = value;
        value = (value << 1) ^ if value & 0x80 != 0 { MODULUS } else { 0 };
        power += 1;
    }
    exp
};

/// Logarithms to the base x; that of 0 means nothing.
static LOG: [u8; 256] = {
    let mut log = [0; 256];
    let mut power = 0u8;
    while power < 255 {
        log[EXP[power as usize] as usize] = power;
        power += 1;
    }
    log
};

/// The product.
pub(crate) fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[usize::from(LOG[usize::from(a)]) + usize::from(LOG[usize::from(b)])]
}

/// The quotient; `b` must not be 0.
pub(crate) fn div(a: u8, b: u8) -> u8 {
    debug_assert!(b != 0, "division by zero");
    if a == 0 {
        return 0;
    }
    EXP[usize::from(LOG[usize::from(a)]) + 255 - usize::from(LOG[usize::from(b)])]
}

/// Products of one factor with every nibble: what multiplies 16 or 32 bytes at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nibbles {
    /// With 0 to 15.
    pub(crate) low: [u8; 16],
    /// With 16 times 0 to 15.
    pub(crate) high: [u8; 16],
}

/// Of every factor: 8 KiB.
#[expect(
    clippy::cast_possible_truncation,
    reason = "there is no other cast in a constant, and 255 is the most"
)]
pub(crate) static NIBBLES: [Nibbles; 256] = {
    let mut all = [Nibbles { low: [0; 16], high: [0; 16] }; 256];
    let mut factor = 0;
    while factor < 256 {
        let mut bit = 0;
        // Products with powers of two, then sums of them.
        let mut powers = [0u8; 8];
        let mut value = factor as u8;
        while bit < 8 {
            powers[bit] = value;
            value = (value << 1) ^ if value & 0x80 != 0 { MODULUS } else { 0 };
            bit += 1;
        }
        let mut nibble = 0;
        while nibble < 16 {
            let mut bit = 0;
            while bit < 4 {
                if nibble >> bit & 1 == 1 {
                    all[factor].low[nibble] ^= powers[bit];
                    all[factor].high[nibble] ^= powers[bit + 4];
                }
                bit += 1;
            }
            nibble += 1;
        }
        factor += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The product as school teaches it: shift, add, reduce.
    fn slow(a: u8, b: u8) -> u8 {
        let mut product = 0u16;
        for bit in 0..8 {
            if b >> bit & 1 == 1 {
                product ^= u16::from(a) << bit;
            }
        }
        for bit in (8..16).rev() {
            if product >> bit & 1 == 1 {
                product ^= 0x11d << (bit - 8);
            }
        }
        product.to_be_bytes()[1]
    }

    #[test]
    fn products_are_those_of_polynomials() {
        for a in 0..=255 {
            for b in 0..=255 {
                let product = slow(a, b);
                assert_eq!(mul(a, b), product, "{a} × {b}");
                let nibbles = NIBBLES[usize::from(a)];
                let split = nibbles.low[usize::from(b & 15)] ^ nibbles.high[usize::from(b >> 4)];
                assert_eq!(split, product, "{a} × {b} by nibbles");
                if b != 0 {
                    assert_eq!(div(product, b), a, "{product} / {b}");
                }
            }
        }
    }
}
