//! The two fields of the proof, named here and nowhere else: KoalaBear and its quintic extension.

use p3_field::extension::{PackedQuinticTrinomialExtensionField, QuinticTrinomialExtensionField};
use p3_field::{Algebra, PrimeCharacteristicRing};
use p3_field::{BasedVectorSpace, Field, PackedFieldExtension, PackedValue, PrimeField32};
use p3_koala_bear::KoalaBear;

/// Base field, `p = 2^31 - 2^24 + 1`: weights, activations, everything committed.
pub type Val = KoalaBear;
/// Challenge field of `p^5` elements, about 154.9 bits.
pub type Ext = QuinticTrinomialExtensionField<Val>;
/// One SIMD register of base elements.
pub type ValPacked = <Val as Field>::Packing;
/// One extension element per SIMD lane.
pub type ExtPacked = PackedQuinticTrinomialExtensionField<Val, ValPacked>;

/// Base coefficients of an extension element.
pub const EXT_DEGREE: usize = 5;
/// Bytes of a base element on the wire: canonical, big-endian.
pub const VAL_BYTES: usize = 4;
/// Bytes of an extension element on the wire: coefficients of 1, x, .., x^4.
pub const EXT_BYTES: usize = VAL_BYTES * EXT_DEGREE;
/// Lanes of [`ExtPacked`], a power of two.
pub const LANES: usize = <ValPacked as PackedValue>::WIDTH;
/// Base-2 logarithm of [`LANES`].
pub const LOG_LANES: usize = LANES.trailing_zeros() as usize;
/// The base field's characteristic.
pub const P: u32 = Val::ORDER_U32;

/// What a table of extension elements is made of: one element, or one register of them.
pub trait Lane: Algebra<Ext> + Copy + Send + Sync + 'static {
    /// Sum over the lanes.
    fn sum_lanes(self) -> Ext;
}

impl Lane for Ext {
    fn sum_lanes(self) -> Ext {
        self
    }
}

impl Lane for ExtPacked {
    fn sum_lanes(self) -> Ext {
        let coefficients: &[ValPacked] = self.as_basis_coefficients_slice();
        Ext::from_basis_coefficients_fn(|d| coefficients[d].as_slice().iter().copied().sum::<Val>())
    }
}

/// A small signed integer as a field element.
pub fn from_i64(value: i64) -> Val {
    Val::from_i64(value)
}

/// A base element as an extension element.
pub fn ext(value: Val) -> Ext {
    Ext::from(value)
}

/// Registers of a slice whose length is a multiple of [`LANES`].
#[must_use]
pub fn pack_ext(values: &[Ext]) -> Vec<ExtPacked> {
    values.chunks_exact(LANES).map(ExtPacked::from_ext_slice).collect()
}

/// The elements of registers, lane by lane.
#[must_use]
pub fn unpack_ext(values: &[ExtPacked]) -> Vec<Ext> {
    let mut out = Vec::with_capacity(values.len() * LANES);
    for value in values {
        let coefficients: &[ValPacked] = value.as_basis_coefficients_slice();
        for lane in 0..LANES {
            out.push(Ext::from_basis_coefficients_fn(|d| coefficients[d].as_slice()[lane]));
        }
    }
    out
}

/// Appends the wire form of a base element.
pub fn write_val(out: &mut Vec<u8>, value: Val) {
    out.extend_from_slice(&value.as_canonical_u32().to_be_bytes());
}

/// Appends the wire form of an extension element.
pub fn write_ext(out: &mut Vec<u8>, value: Ext) {
    let coefficients: &[Val] = value.as_basis_coefficients_slice();
    for &coefficient in coefficients {
        write_val(out, coefficient);
    }
}

/// A base element from its wire form; `None` unless it is canonical.
#[must_use]
pub fn read_val(bytes: &[u8; VAL_BYTES]) -> Option<Val> {
    let value = u32::from_be_bytes(*bytes);
    (value < P).then(|| Val::from_u32(value))
}

/// An extension element from its wire form; `None` unless every coefficient is canonical.
#[must_use]
pub fn read_ext(bytes: &[u8; EXT_BYTES]) -> Option<Ext> {
    let mut coefficients = [Val::ZERO; EXT_DEGREE];
    for (coefficient, chunk) in coefficients.iter_mut().zip(bytes.as_chunks::<VAL_BYTES>().0) {
        *coefficient = read_val(chunk)?;
    }
    Some(Ext::from_basis_coefficients_fn(|d| coefficients[d]))
}
