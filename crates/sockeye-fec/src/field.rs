//! Numbers of GF(2⁸): bytes, added by exclusive or, multiplied as polynomials modulo x⁸ + x⁴ + x³ + x² + 1.
//!
//! The polynomial is primitive: every number but zero is a power of 2. Products are sums of logarithms, as in
//! J. S. Plank, "A Tutorial on Reed-Solomon Coding for Fault-Tolerance in RAID-like Systems" (1997), section 4.

/// The polynomial, with the bit of x⁸.
const POLYNOMIAL: u16 = 0x11D;

/// How many numbers there are besides zero; logarithms are modulo this.
pub(crate) const ORDER: u32 = 255;

/// 2 to the power of the index.
static EXP: [u8; 255] = TABLES.0;
/// The exponent of 2 that gives the index; that of zero, which has none, stands as 0.
static LOG: [u8; 256] = TABLES.1;

const TABLES: ([u8; 255], [u8; 256]) = tables();

const fn tables() -> ([u8; 255], [u8; 256]) {
    let (mut exp, mut log) = ([0; 255], [0; 256]);
    let mut power = 1;
    let mut exponent: u8 = 0;
    while exponent < 255 {
        exp[exponent as usize] = power;
        log[power as usize] = exponent;
        power = double(power);
        exponent += 1;
    }
    (exp, log)
}

/// `a` times 2.
pub(crate) const fn double(a: u8) -> u8 {
    let carry = if a & 0x80 == 0 { 0 } else { (POLYNOMIAL & 0xFF) as u8 };
    (a << 1) ^ carry
}

/// The eight products of `a` with 1, 2, 4 … 128. Since multiplication is linear, they say everything about it.
pub(crate) const fn doublings(a: u8) -> [u8; 8] {
    let mut products = [a; 8];
    let mut bit = 1;
    while bit < 8 {
        products[bit] = double(products[bit - 1]);
        bit += 1;
    }
    products
}

/// The logarithm of `a`, which is not zero, to base 2.
pub(crate) fn log(a: u8) -> u32 {
    debug_assert_ne!(a, 0, "zero has no logarithm");
    u32::from(LOG[usize::from(a)])
}

/// 2 to the power of `exponent`.
pub(crate) fn exp(exponent: u32) -> u8 {
    EXP[(exponent % ORDER) as usize]
}

/// `a` divided by `b`, neither of them zero.
pub(crate) fn divide(a: u8, b: u8) -> u8 {
    exp(log(a) + ORDER - log(b))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// By the definition: shift, add, reduce. No table is involved.
    fn carry_less(a: u8, b: u8) -> u8 {
        let mut product =
            (0..8).fold(0_u16, |sum, bit| sum ^ if b >> bit & 1 == 1 { u16::from(a) << bit } else { 0 });
        for bit in (8..15).rev() {
            if product >> bit & 1 == 1 {
                product ^= POLYNOMIAL << (bit - 8);
            }
        }
        u8::try_from(product).expect("reduced to eight bits")
    }

    #[test]
    fn logarithms_multiply_as_polynomials_do() {
        for a in 1..=255 {
            for b in 1..=255 {
                assert_eq!(exp(log(a) + log(b)), carry_less(a, b), "{a} × {b}");
                assert_eq!(carry_less(divide(a, b), b), a, "{a} ÷ {b}");
            }
        }
    }

    #[test]
    fn doublings_add_up_to_every_product() {
        for a in 0..=255 {
            for b in 0..=255 {
                let sum = (0..8).filter(|bit| b >> bit & 1 == 1).fold(0, |sum, bit| sum ^ doublings(a)[bit]);
                assert_eq!(sum, carry_less(a, b), "{a} × {b}");
            }
        }
    }

    /// Commutative, associative, distributive, with one and inverses: checked for all numbers, so nothing is left open.
    #[test]
    fn it_is_a_field() {
        let table: Vec<[u8; 256]> = (0..=255)
            .map(|a| core::array::from_fn(|b| carry_less(a, u8::try_from(b).expect("a byte"))))
            .collect();
        let times = |a: u8, b: u8| table[usize::from(a)][usize::from(b)];
        for a in 0..=255 {
            assert_eq!(times(a, 1), a);
            assert_eq!(
                (0..=255).filter(|&b| times(a, b) == 1).count(),
                usize::from(a != 0),
                "inverses of {a}"
            );
            for b in 0..=255 {
                assert_eq!(times(a, b), times(b, a));
                for c in 0..=255 {
                    assert_eq!(times(times(a, b), c), times(a, times(b, c)));
                    assert_eq!(times(a ^ b, c), times(a, c) ^ times(b, c));
                }
            }
        }
    }
}
