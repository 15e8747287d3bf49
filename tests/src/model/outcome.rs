//! How a packet's way ends, in the words of `docs/semantics.md`.

use std::fmt;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Forward,
    Reply,
    Punt,
    Drop,
}

impl Kind {
    /// The name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Forward => "forward",
            Kind::Reply => "reply",
            Kind::Punt => "punt",
            Kind::Drop => "drop",
        }
    }
}

/// Who decided, by position in the lists of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Eni(usize),
    Subnet(usize),
    /// The internet gateway of a VPC.
    Igw(usize),
    /// The egress-only gateway of a VPC.
    Eigw(usize),
    Vgw(usize),
    Nat(usize),
    Internet,
}

/// The end of one frame's way.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub kind: Kind,
    pub stage: Option<&'static str>,
    pub reason: Option<&'static str>,
    pub at: Option<At>,
    /// Port 0 is the internet, port n + 1 is ENI n.
    pub out: Vec<(u32, Vec<u8>)>,
}

impl Outcome {
    /// A drop.
    pub fn drop(stage: &'static str, reason: &'static str, at: At) -> Outcome {
        Outcome { kind: Kind::Drop, stage: Some(stage), reason: Some(reason), at: Some(at), out: Vec::new() }
    }

    /// An answer of the fabric to `port` that reports an error.
    pub fn error(stage: &'static str, reason: &'static str, at: At, port: u32, frame: Vec<u8>) -> Outcome {
        let out = vec![(port, frame)];
        Outcome { kind: Kind::Reply, stage: Some(stage), reason: Some(reason), at: Some(at), out }
    }

    /// Everything that is no drop and no error.
    pub fn good(kind: Kind, out: Vec<(u32, Vec<u8>)>) -> Outcome {
        Outcome { kind, stage: None, reason: None, at: None, out }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.name())?;
        if let (Some(stage), Some(reason)) = (self.stage, self.reason) {
            write!(f, " {stage}/{reason}")?;
        }
        if let Some(at) = self.at {
            write!(f, " at {at:?}")?;
        }
        for (port, frame) in &self.out {
            write!(f, "\n    out port {port}: {}", super::show::frame(frame))?;
        }
        Ok(())
    }
}
