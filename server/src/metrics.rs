//! What the server counts and measures, in the text format that Prometheus reads.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::{sync::Arc, time::Duration};

/// Media type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a try to prove a move ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ProofLabels {
    pub(crate) result: ProofResult,
}

/// See [`ProofLabels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "label values as they are shown")]
pub(crate) enum ProofResult {
    /// The server's own verifier accepts it.
    made,
    /// No proof, or one that the server's own verifier rejects.
    failed,
}

/// Why a connection got no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RefusedLabels {
    pub(crate) reason: RefusedReason,
}

/// See [`RefusedLabels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "label values as they are shown")]
pub(crate) enum RefusedReason {
    /// As many sockets as allowed are open.
    full,
    /// A browser's page of an origin that isn't allowed.
    origin,
}

/// Everything that is counted. Cheap to clone; all clones count together.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    pub(crate) infer_seconds: Histogram,
    pub(crate) prove_seconds: Histogram,
    pub(crate) verify_seconds: Histogram,
    pub(crate) proof_bytes: Histogram,
    pub(crate) proofs: Family<ProofLabels, Counter>,
    /// Jobs queued or being worked at.
    pub(crate) proof_queue: Gauge,
    /// 1 once the prover is ready.
    pub(crate) prover_ready: Gauge,
    pub(crate) sockets: Gauge,
    pub(crate) sockets_refused: Family<RefusedLabels, Counter>,
    pub(crate) sockets_too_slow: Counter,
    pub(crate) messages_dropped: Counter,
    pub(crate) resyncs: Counter,
    pub(crate) games_live: Gauge,
    pub(crate) games_created: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("fairmate");
        // From half a millisecond to a minute.
        let seconds = || Histogram::new(exponential_buckets(0.000_5, 2.0, 18));
        let mut timed = |name: &str, help: &str| {
            let histogram = seconds();
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
            histogram
        };
        let infer_seconds = timed("infer", "Time of the network's inference for one move");
        let prove_seconds = timed("prove", "Time of proving one move, without the server's own check");
        let verify_seconds = timed("verify", "Time of the server's own check of one proof");
        let proof_bytes = Histogram::new(exponential_buckets(16_384.0, 2.0, 7));
        let length = "Length of the proof of one move";
        registry.register_with_unit("proof", length, Unit::Bytes, proof_bytes.clone());
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let proof_queue = gauge("proof_queue", "Proofs waiting or being made");
        let prover_ready = gauge("prover_ready", "1 once the prover is ready, 0 before and without one");
        let sockets = gauge("sockets", "Sockets open");
        let games_live = gauge("games_live", "Games in memory");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let sockets_too_slow = counter("sockets_too_slow", "Sockets closed with 1013: their queue was full");
        let messages_dropped = counter("messages_dropped", "Messages beyond what a socket may send");
        let resyncs = counter("resyncs", "Games that a client took up again");
        let games_created = counter("games_created", "Games begun");
        let proofs = Family::<ProofLabels, Counter>::default();
        registry.register("proofs", "Tries to prove a move", proofs.clone());
        let sockets_refused = Family::<RefusedLabels, Counter>::default();
        registry.register("sockets_refused", "Connections that got no WebSocket", sockets_refused.clone());
        Self {
            registry: Arc::new(registry),
            infer_seconds,
            prove_seconds,
            verify_seconds,
            proof_bytes,
            proofs,
            proof_queue,
            prover_ready,
            sockets,
            sockets_refused,
            sockets_too_slow,
            messages_dropped,
            resyncs,
            games_live,
            games_created,
        }
    }

    /// All of it as text.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts a proof that was made and checked.
    pub(crate) fn proof_made(&self, prove: Duration, verify: Duration, bytes: usize) {
        self.prove_seconds.observe(prove.as_secs_f64());
        self.verify_seconds.observe(verify.as_secs_f64());
        self.proof_bytes.observe(bytes as f64);
        self.proofs.get_or_create(&ProofLabels { result: ProofResult::made }).inc();
    }

    /// Counts a try to prove that failed.
    pub(crate) fn proof_failed(&self) {
        self.proofs.get_or_create(&ProofLabels { result: ProofResult::failed }).inc();
    }

    /// Counts a connection that got no WebSocket.
    pub(crate) fn refused(&self, reason: RefusedReason) {
        self.sockets_refused.get_or_create(&RefusedLabels { reason }).inc();
    }
}

/// Adds one to a gauge until it is dropped.
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
