//! Multilinear tables and the eq polynomial. `point[0]` belongs to the highest bit of a table's index; tables are bound at
//! their highest variable, so the halves of a table are contiguous. `eq(a, b) = prod (1 - a_i)(1 - b_i) + a_i b_i`.

use p3_field::PrimeCharacteristicRing;

use crate::field::{Ext, ExtPacked, LOG_LANES, Lane, pack_ext};

/// `eq(point, index)` for every index of the cube.
#[must_use]
pub fn eq_table(point: &[Ext]) -> Vec<Ext> {
    let mut table = Vec::with_capacity(1 << point.len());
    table.push(Ext::ONE);
    // Highest variable last, so that each step doubles the table in place.
    for &r in point.iter().rev() {
        for i in 0..table.len() {
            let high = table[i] * r;
            table.push(high);
            table[i] -= high;
        }
    }
    table
}

/// [`eq_table`] in registers, for points of at least `LOG_LANES` variables.
#[must_use]
pub fn eq_table_packed(point: &[Ext]) -> Vec<ExtPacked> {
    let (high, lanes) = point.split_at(point.len() - LOG_LANES);
    let mut table = pack_ext(&eq_table(lanes));
    table.reserve((1 << high.len()) - 1);
    for &r in high.iter().rev() {
        let r = ExtPacked::from(r);
        for i in 0..table.len() {
            let upper = table[i] * r;
            table.push(upper);
            table[i] -= upper;
        }
    }
    table
}

/// `eq(a, b)`.
pub fn eq_eval(a: &[Ext], b: &[Ext]) -> Ext {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| {
            let xy = x * y;
            xy + xy + Ext::ONE - x - y
        })
        .product()
}

/// `eq(point, index)` of one index.
pub fn eq_index(point: &[Ext], index: usize) -> Ext {
    point
        .iter()
        .rev()
        .enumerate()
        .map(|(bit, &r)| if index >> bit & 1 == 1 { r } else { Ext::ONE - r })
        .product()
}

/// `sum of index * eq(point, index)`: the table 0, 1, 2, .. at a point.
pub fn identity_eval(point: &[Ext]) -> Ext {
    point.iter().fold(Ext::ZERO, |sum, &bit| sum.double() + bit)
}

/// `factor * y^i` for every index of the cube of `variables`.
#[must_use]
pub fn powers(y: Ext, factor: Ext, variables: usize) -> Vec<Ext> {
    y.shifted_powers(factor).take(1 << variables).collect()
}

/// The table `1, y, y^2, ..` at a point: `prod (1 - point_i + point_i * y^(2^bit))`.
pub fn powers_eval(y: Ext, point: &[Ext]) -> Ext {
    let mut power = y;
    let mut product = Ext::ONE;
    for &r in point.iter().rev() {
        product *= Ext::ONE + r * (power - Ext::ONE);
        power = power.square();
    }
    product
}

/// Fixes the highest variable of a table to `r`.
pub fn bind<T: Lane>(table: &mut Vec<T>, r: Ext) {
    let half = table.len() / 2;
    let (low, high) = table.split_at_mut(half);
    for (low, &high) in low.iter_mut().zip(high.iter()) {
        *low += (high - *low) * r;
    }
    table.truncate(half);
}

/// A table's multilinear extension at a point.
pub fn evaluate(table: &[Ext], point: &[Ext]) -> Ext {
    let mut table = table.to_vec();
    for &r in point {
        bind(&mut table, r);
    }
    table.first().copied().unwrap_or(Ext::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Transcript;

    #[test]
    fn closed_forms_equal_the_tables() {
        let point = Transcript::new(b"poly").sample_many(5);
        let other = Transcript::new(b"other").sample_many(5);
        let table = eq_table(&point);
        assert_eq!(evaluate(&table, &other), eq_eval(&point, &other));
        assert_eq!(table[13], eq_index(&point, 13));
        assert_eq!(eq_table_packed(&point), pack_ext(&table));
        let numbers: Vec<Ext> = (0..32).map(Ext::from_u32).collect();
        assert_eq!(evaluate(&numbers, &point), identity_eval(&point));
        let powers: Vec<Ext> = other[0].powers().take(32).collect();
        assert_eq!(evaluate(&powers, &point), powers_eval(other[0], &point));
    }
}
