//! The quantised network: integer weights of a residual tower (`docs/network.md` sections 3 and 4), checked when made.

use thiserror::Error;

use crate::encode::{HEAD_PLANES, NUM_PLANES, PLANE_ON, POLICY_PLANES};

/// First bytes of a network file.
pub const MAGIC: &[u8; 8] = b"FAIRMATE";
/// Version of the file format.
pub const FORMAT_VERSION: u16 = 2;
/// Largest activation.
pub const MAX_ACTIVATION: i64 = 255;
/// The circuit's one scale `S`: the largest shift.
pub const SCALE_LOG2: usize = 14;
/// Quotients before the clamp lie in `-2^(QUOTIENT_BITS-1) .. 2^(QUOTIENT_BITS-1)`.
pub const QUOTIENT_BITS: usize = 16;
/// Largest absolute value of a policy logit: with the noise of `sampling.rs` the gaps of the argmax fit two limbs.
pub const MAX_LOGIT: i64 = (1 << 25) - 1;
/// Largest absolute value of a value plane's entry: the sum over the squares stays below half the field's size.
pub const MAX_VALUE: i64 = (1 << 23) - 1;
/// Largest `logit_scale_log2`.
pub const MAX_LOGIT_SCALE_LOG2: usize = 18;
/// Largest number of parameters.
pub const MAX_PARAMETERS: usize = 20_000_000;
/// Offsets of a 3x3 kernel, and the index of its centre.
pub const KERNEL: usize = 9;
/// Index of the kernel's centre.
pub const CENTRE: usize = 4;

/// One 3x3 convolution with its requantisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Input channels.
    pub inputs: usize,
    /// `shifts[c]`, 0 to 14.
    pub shifts: Vec<u8>,
    /// `biases[c]`.
    pub biases: Vec<i32>,
    /// `weights[(c * inputs + i) * 9 + offset]`.
    pub weights: Vec<i8>,
    /// Exponent `e` of the skip that joins here, if one does.
    pub skip: Option<u8>,
}

impl Layer {
    /// What is added before the shift so that it rounds half up.
    #[must_use]
    pub fn half(&self, channel: usize) -> i64 {
        (1 << self.shifts[channel]) >> 1
    }

    /// Kernel weights of an output channel: `[input * 9 + offset]`.
    #[must_use]
    pub fn kernel(&self, channel: usize) -> &[i8] {
        &self.weights[channel * self.inputs * KERNEL..][..self.inputs * KERNEL]
    }
}

/// A quantised network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantisedNetwork {
    channels: usize,
    logit_scale_log2: u8,
    layers: Vec<Layer>,
    head_biases: Vec<i32>,
    /// `[plane * channels + i]`
    head_weights: Vec<i8>,
}

/// Why bytes are no quantised network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// Wrong first bytes or version.
    #[error("not a Fairmate network file of version {FORMAT_VERSION}")]
    Magic,
    /// Channels, blocks, scale or a reserved byte out of range.
    #[error("{what} is {actual}, expected {expected}")]
    Shape {
        /// Which number.
        what: &'static str,
        /// Its value.
        actual: usize,
        /// Its range.
        expected: &'static str,
    },
    /// The file's length does not fit its shape.
    #[error("the file has {actual} bytes, its shape needs {expected}")]
    Length {
        /// From the shape.
        expected: usize,
        /// From the file.
        actual: usize,
    },
    /// Over [`MAX_PARAMETERS`].
    #[error("{0} parameters, at most {MAX_PARAMETERS} are supported")]
    TooLarge(usize),
    /// A weight of -128.
    #[error("a weight of layer {layer} is -128, the range is -127 to 127")]
    Weight {
        /// Layer, 1 first; one past the last is the head.
        layer: usize,
    },
    /// A shift over 14 or below the block's skip exponent.
    #[error("the shift of layer {layer}, channel {channel} is {shift}, expected {lowest} to {SCALE_LOG2}")]
    Shift {
        /// Layer.
        layer: usize,
        /// Output channel.
        channel: usize,
        /// Its value.
        shift: u8,
        /// The skip's exponent, or 0.
        lowest: u8,
    },
    /// The worst case leaves the activation table.
    #[error(
        "layer {layer}, channel {channel}: the quotient can reach {quotient}, outside the table of {QUOTIENT_BITS} bits"
    )]
    Quotient {
        /// Layer.
        layer: usize,
        /// Output channel.
        channel: usize,
        /// The value that does not fit.
        quotient: i64,
    },
    /// The worst case of the head is too large.
    #[error("plane {plane} of the head: an entry can reach {logit}, the bound is {limit}")]
    Logit {
        /// Plane of the head.
        plane: usize,
        /// The value that does not fit.
        logit: i64,
        /// The plane's bound.
        limit: i64,
    },
}

fn in_range(
    what: &'static str,
    actual: usize,
    range: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<(), NetworkError> {
    if range.contains(&actual) { Ok(()) } else { Err(NetworkError::Shape { what, actual, expected }) }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Callers have checked the total length.
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }
    fn i8s(&mut self, count: usize) -> Vec<i8> {
        self.take(count).iter().map(|&byte| byte as i8).collect()
    }
    fn i32s(&mut self, count: usize) -> Vec<i32> {
        self.take(4 * count).as_chunks::<4>().0.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect()
    }
}

/// Sizes of a network's file and arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkShape {
    /// Channels of the tower.
    pub channels: usize,
    /// Residual blocks.
    pub blocks: usize,
}

impl NetworkShape {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// Returns [`NetworkError`] if channels, blocks or the number of parameters are out of range.
    pub fn new(channels: usize, blocks: usize) -> Result<Self, NetworkError> {
        in_range("channels", channels, 16..=384, "16 to 384")?;
        in_range("blocks", blocks, 1..=24, "1 to 24")?;
        let shape = Self { channels, blocks };
        if shape.parameters() > MAX_PARAMETERS {
            Err(NetworkError::TooLarge(shape.parameters()))
        } else {
            Ok(shape)
        }
    }

    /// Trunk layers: `1 + 2 * blocks`.
    #[must_use]
    pub fn num_layers(&self) -> usize {
        1 + 2 * self.blocks
    }

    /// Input channels of trunk layer `l` (1 first).
    #[must_use]
    pub fn inputs(&self, layer: usize) -> usize {
        if layer == 1 { NUM_PLANES } else { self.channels }
    }

    /// Weights and biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let trunk: usize =
            (1..=self.num_layers()).map(|l| self.channels * (1 + KERNEL * self.inputs(l))).sum();
        trunk + HEAD_PLANES * (1 + self.channels)
    }

    /// Multiplications of one evaluation, the zeros outside the board counted.
    #[must_use]
    pub fn macs(&self) -> usize {
        let trunk: usize = (1..=self.num_layers()).map(|l| self.channels * KERNEL * self.inputs(l)).sum();
        64 * (trunk + HEAD_PLANES * self.channels)
    }

    /// Bytes of the quantised network.
    #[must_use]
    pub fn file_bytes(&self) -> usize {
        let trunk: usize =
            (1..=self.num_layers()).map(|l| self.channels * (5 + KERNEL * self.inputs(l))).sum();
        16 + self.blocks + trunk + HEAD_PLANES * (4 + self.channels)
    }
}

impl QuantisedNetwork {
    /// Channels of the tower.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Sizes.
    #[must_use]
    pub fn shape(&self) -> NetworkShape {
        NetworkShape { channels: self.channels, blocks: (self.layers.len() - 1) / 2 }
    }

    /// Trunk layers, layer 1 first.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The head's biases, one a plane: 73 of the policy, then win, draw, loss.
    #[must_use]
    pub fn head_biases(&self) -> &[i32] {
        &self.head_biases
    }

    /// The head's weights of a plane, one an input channel.
    #[must_use]
    pub fn head_kernel(&self, plane: usize) -> &[i8] {
        &self.head_weights[plane * self.channels..][..self.channels]
    }

    /// A logit over `2^logit_scale_log2` is a natural-log probability but for a constant.
    #[must_use]
    pub fn logit_scale_log2(&self) -> u8 {
        self.logit_scale_log2
    }

    /// Shape in the first 16 bytes of a network file.
    ///
    /// # Errors
    ///
    /// Returns [`NetworkError`] unless they are a header with a supported shape.
    pub fn read_shape(bytes: &[u8]) -> Result<NetworkShape, NetworkError> {
        let header = bytes.first_chunk::<16>().ok_or(NetworkError::Magic)?;
        if &header[..8] != MAGIC || header[8..10] != FORMAT_VERSION.to_le_bytes() {
            return Err(NetworkError::Magic);
        }
        in_range("logit_scale_log2", usize::from(header[14]), 0..=MAX_LOGIT_SCALE_LOG2, "0 to 18")?;
        in_range("the reserved byte", usize::from(header[15]), 0..=0, "0")?;
        let number = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        NetworkShape::new(number(10), number(12))
    }

    /// Reads and checks a quantised network.
    ///
    /// # Errors
    ///
    /// Returns [`NetworkError`] naming the first thing that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NetworkError> {
        let shape = Self::read_shape(bytes)?;
        if bytes.len() != shape.file_bytes() {
            return Err(NetworkError::Length { expected: shape.file_bytes(), actual: bytes.len() });
        }
        let channels = shape.channels;
        let mut reader = Reader(&bytes[16..]);
        let skips = reader.take(shape.blocks);
        let layers = (1..=shape.num_layers())
            .map(|l| {
                let inputs = shape.inputs(l);
                Layer {
                    inputs,
                    shifts: reader.take(channels).to_vec(),
                    biases: reader.i32s(channels),
                    weights: reader.i8s(channels * inputs * KERNEL),
                    skip: (l >= 3 && l % 2 == 1).then(|| skips[(l - 3) / 2]),
                }
            })
            .collect();
        let head_biases = reader.i32s(HEAD_PLANES);
        let head_weights = reader.i8s(HEAD_PLANES * channels);
        let network = Self { channels, logit_scale_log2: bytes[14], layers, head_biases, head_weights };
        network.check()?;
        Ok(network)
    }

    /// The file form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.shape().file_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.channels as u16).to_le_bytes());
        bytes.extend_from_slice(&(self.shape().blocks as u16).to_le_bytes());
        bytes.extend_from_slice(&[self.logit_scale_log2, 0]);
        bytes.extend(self.layers.iter().filter_map(|layer| layer.skip));
        for layer in &self.layers {
            bytes.extend_from_slice(&layer.shifts);
            bytes.extend(layer.biases.iter().flat_map(|bias| bias.to_le_bytes()));
            bytes.extend(layer.weights.iter().map(|&weight| weight as u8));
        }
        bytes.extend(self.head_biases.iter().flat_map(|bias| bias.to_le_bytes()));
        bytes.extend(self.head_weights.iter().map(|&weight| weight as u8));
        bytes
    }

    /// Every range and every worst case of `docs/network.md` section 3.
    fn check(&self) -> Result<(), NetworkError> {
        const LIMIT: i64 = 1 << (QUOTIENT_BITS - 1);
        for (n, layer) in self.layers.iter().enumerate() {
            let l = n + 1;
            if layer.weights.contains(&i8::MIN) {
                return Err(NetworkError::Weight { layer: l });
            }
            let top = if l == 1 { i64::from(PLANE_ON) } else { MAX_ACTIVATION };
            for (c, &shift) in layer.shifts.iter().enumerate() {
                let lowest = layer.skip.unwrap_or(0);
                if usize::from(shift) > SCALE_LOG2 || shift < lowest || lowest > 7 {
                    return Err(NetworkError::Shift { layer: l, channel: c, shift, lowest });
                }
                let (low, high) = reach(layer.kernel(c), i64::from(layer.biases[c]) + layer.half(c), top);
                let skip = layer.skip.map_or(0, |e| MAX_ACTIVATION << (shift - e));
                for quotient in [low >> shift, (high + skip) >> shift] {
                    if !(-LIMIT..LIMIT).contains(&quotient) {
                        return Err(NetworkError::Quotient { layer: l, channel: c, quotient });
                    }
                }
            }
        }
        if self.head_weights.contains(&i8::MIN) {
            return Err(NetworkError::Weight { layer: self.layers.len() + 1 });
        }
        for plane in 0..HEAD_PLANES {
            let (low, high) =
                reach(self.head_kernel(plane), i64::from(self.head_biases[plane]), MAX_ACTIVATION);
            let limit = if plane < POLICY_PLANES { MAX_LOGIT } else { MAX_VALUE };
            for logit in [low, high] {
                if logit.abs() > limit {
                    return Err(NetworkError::Logit { plane, logit, limit });
                }
            }
        }
        Ok(())
    }

    /// A network with pseudo-random weights for benchmarks and tests. Shifts and skip exponents vary; every check holds.
    ///
    /// # Errors
    ///
    /// Returns [`NetworkError`] for a shape out of range.
    pub fn random(shape: NetworkShape, seed: u64) -> Result<Self, NetworkError> {
        let NetworkShape { channels, blocks } = NetworkShape::new(shape.channels, shape.blocks)?;
        let mut rng = SplitMix(seed);
        let mut layers = Vec::new();
        for l in 1..=1 + 2 * blocks {
            let inputs = shape.inputs(l);
            let top = if l == 1 { i64::from(PLANE_ON) } else { MAX_ACTIVATION };
            let skip = (l >= 3 && l % 2 == 1).then(|| rng.below(3) as u8);
            let mut layer = Layer { inputs, shifts: vec![], biases: vec![], weights: vec![], skip };
            for _ in 0..channels {
                let bound = [31, 63, 127][rng.below(3) as usize];
                let kernel: Vec<i8> = (0..inputs * KERNEL)
                    .map(|_| (rng.below(2 * bound + 1) as i64 - bound as i64) as i8)
                    .collect();
                let bias = rng.below(20_001) as i64 - 10_000;
                let (low, high) = reach(&kernel, bias, top);
                // The smallest shift whose worst case, rounding and skip included, stays in the table; from there 0 or 1 more.
                let fits = |shift: u8| {
                    let half = (1i64 << shift) >> 1;
                    shift >= skip.unwrap_or(0)
                        && (low + half) >> shift >= -(1 << (QUOTIENT_BITS - 1))
                        && (high + half) >> shift < (1 << (QUOTIENT_BITS - 1)) - MAX_ACTIVATION - 1
                };
                let smallest = (0..SCALE_LOG2 as u8).find(|&shift| fits(shift)).unwrap_or(SCALE_LOG2 as u8);
                let lively = smallest.max(((inputs * bound as usize).ilog2() / 2 + 3) as u8);
                layer.shifts.push((lively + rng.below(2) as u8).min(SCALE_LOG2 as u8));
                layer.biases.push(bias as i32);
                layer.weights.extend(kernel);
            }
            layers.push(layer);
        }
        let head_biases = (0..HEAD_PLANES).map(|_| rng.below(20_001) as i32 - 10_000).collect();
        let head_weights = (0..HEAD_PLANES * channels).map(|_| (rng.below(255) as i64 - 127) as i8).collect();
        let network = Self { channels, logit_scale_log2: 14, layers, head_biases, head_weights };
        network.check()?;
        Ok(network)
    }
}

/// Smallest and largest accumulator over inputs in `0..=top`.
fn reach(kernel: &[i8], bias: i64, top: i64) -> (i64, i64) {
    let sum = |sign: i64| kernel.iter().map(|&w| i64::from(w)).filter(|w| w * sign > 0).sum::<i64>() * top;
    (bias + sum(-1), bias + sum(1))
}

/// `SplitMix64` (Steele, Lea, Flood 2014): the fixed generator behind `--seed`, so that a seed names the same network for ever.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> QuantisedNetwork {
        QuantisedNetwork::random(NetworkShape { channels: 16, blocks: 1 }, 1).unwrap()
    }

    #[test]
    fn bytes_round_trip() {
        let network = small();
        assert_eq!(QuantisedNetwork::from_bytes(&network.to_bytes()).unwrap(), network);
    }

    #[test]
    fn rejects_what_is_out_of_range() {
        let bytes = small().to_bytes();
        let with = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            QuantisedNetwork::from_bytes(&bytes).unwrap_err()
        };
        assert_eq!(with(0, 0), NetworkError::Magic);
        assert_eq!(with(8, 1), NetworkError::Magic);
        assert!(matches!(with(10, 15), NetworkError::Shape { what: "channels", .. }));
        assert!(matches!(with(12, 25), NetworkError::Shape { what: "blocks", .. }));
        assert!(matches!(with(14, 19), NetworkError::Shape { what: "logit_scale_log2", .. }));
        assert!(matches!(with(15, 1), NetworkError::Shape { what: "the reserved byte", .. }));
        assert!(matches!(with(16, 15), NetworkError::Shift { layer: 3, .. }));
        assert!(matches!(with(17, 15), NetworkError::Shift { layer: 1, channel: 0, .. }));
        assert_eq!(with(17 + 16 * 5, 0x80), NetworkError::Weight { layer: 1 });
        assert!(matches!(with(17, 0), NetworkError::Quotient { layer: 1, channel: 0, .. }));
        assert_eq!(with(bytes.len() - 1, 0x80), NetworkError::Weight { layer: 4 });
        let head_bias = |plane: usize| bytes.len() - HEAD_PLANES * (16 + 4) + 4 * plane;
        assert!(matches!(with(head_bias(72) + 3, 0x7f), NetworkError::Logit { plane: 72, .. }));
        assert!(matches!(with(head_bias(72) + 3, 2), NetworkError::Logit { limit: MAX_LOGIT, .. }));
        assert!(matches!(
            with(head_bias(73) + 2, 0x7f),
            NetworkError::Logit { plane: 73, limit: MAX_VALUE, .. }
        ));
        assert!(matches!(
            QuantisedNetwork::from_bytes(&bytes[..bytes.len() - 1]),
            Err(NetworkError::Length { .. })
        ));
    }

    #[test]
    fn random_networks_of_every_supported_size_pass_the_checks() {
        for (channels, blocks) in [(16, 1), (16, 24), (40, 2), (128, 2), (384, 1)] {
            let shape = NetworkShape { channels, blocks };
            let network = QuantisedNetwork::random(shape, 3).unwrap();
            assert_eq!(network.to_bytes().len(), shape.file_bytes());
        }
        assert!(matches!(NetworkShape::new(384, 8), Err(NetworkError::TooLarge(_))));
    }
}
