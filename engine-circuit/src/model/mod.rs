//! Models, one type per stage: [`QuantisedNetwork`] (integers), [`Model`] (with its commitment), [`VerifyingKey`] (without
//! the weights).

mod file;
mod quantised;

pub use file::{Digest, Model, ModelError, VerifyingKey, weights_point};
pub use quantised::{
    CENTRE, FORMAT_VERSION, KERNEL, Layer, MAGIC, MAX_ACTIVATION, MAX_LOGIT, MAX_LOGIT_SCALE_LOG2,
    MAX_PARAMETERS, MAX_VALUE, NetworkError, NetworkShape, QUOTIENT_BITS, QuantisedNetwork, SCALE_LOG2,
};
