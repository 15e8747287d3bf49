//! How a packet's way can end: closed lists, so that nothing disappears without a name.

use crate::topology::{EniIdx, NatIdx, PortNo, SubnetIdx, VpcIdx};

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant),* }
        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// The name in outputs.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }
    };
}

names! {
    /// The gate that decided.
    Stage {
        Parse = "parse",
        SrcDst = "src-dst",
        SgOut = "sg-out",
        NaclOut = "nacl-out",
        Route = "route",
        Igw = "igw",
        Natgw = "natgw",
        Eigw = "eigw",
        Vgw = "vgw",
        NaclIn = "nacl-in",
        SgIn = "sg-in",
        Engine = "engine",
    }
}

names! {
    /// Why. The kebab-case names are documented in `docs/reasons.md`.
    Reason {
        Truncated = "truncated",
        Vlan = "vlan",
        Ethertype = "ethertype",
        Oversize = "oversize",
        IpVersion = "ip-version",
        HeaderLength = "header-length",
        HeaderChecksum = "header-checksum",
        ExtHeaders = "ext-headers",
        L4Header = "l4-header",
        FragmentTiny = "fragment-tiny",
        FragmentOverflow = "fragment-overflow",
        FragmentOverlap = "fragment-overlap",
        FragmentTimeout = "fragment-timeout",
        FragmentTableFull = "fragment-table-full",
        Neighbour = "neighbour",
        Land = "land",
        Martian = "martian",
        NotMine = "not-mine",
        WrongMac = "wrong-mac",
        NoRule = "no-rule",
        NaclRule = "nacl-rule",
        NaclDefault = "nacl-default",
        NoRoute = "no-route",
        Blackhole = "blackhole",
        NoOwner = "no-owner",
        NoMulticast = "no-multicast",
        Hairpin = "hairpin",
        NoPublicAddress = "no-public-address",
        NoMapping = "no-mapping",
        NoReturnRoute = "no-return-route",
        TooBig = "too-big",
        AnswerOnly = "answer-only",
        NoFlow = "no-flow",
        Unsolicited = "unsolicited",
        Protocol = "protocol",
        Fragment = "fragment",
        IcmpType = "icmp-type",
        TtlExceeded = "ttl-exceeded",
        NoTunnel = "no-tunnel",
        NoBinding = "no-binding",
        PortAllocation = "port-allocation",
        Loop = "loop",
        SessionTableFull = "session-table-full",
        HandOffFull = "hand-off-full",
        PortFull = "port-full",
    }
}

names! {
    /// What became of a frame.
    Kind {
        /// It, or all its pieces, left.
        Forward = "forward",
        /// Consumed and answered by the fabric.
        Reply = "reply",
        /// Given to a service of the VPC.
        Punt = "punt",
        Drop = "drop",
    }
}

/// Who decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum At {
    Eni(EniIdx),
    Subnet(SubnetIdx),
    InternetGateway(VpcIdx),
    EgressOnly(VpcIdx),
    VpnGateway(VpcIdx),
    Nat(NatIdx),
    /// The internet side itself: no gateway was concerned yet.
    Internet,
}

impl At {
    /// A port, for what ends before any gate. A link goes by the number of an ENI, which there is none of then.
    pub(crate) fn of_port(port: PortNo) -> At {
        EniIdx::of_port(port).map_or(At::Internet, At::Eni)
    }
}

/// What became of a frame, and who decided it. Stage, reason and place are there for drops and for replies that are errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    pub kind: Kind,
    pub stage: Option<Stage>,
    pub reason: Option<Reason>,
    pub at: Option<At>,
}

impl Verdict {
    pub const FORWARD: Verdict = Verdict { kind: Kind::Forward, stage: None, reason: None, at: None };
    pub const REPLY: Verdict = Verdict { kind: Kind::Reply, ..Verdict::FORWARD };
    pub const PUNT: Verdict = Verdict { kind: Kind::Punt, ..Verdict::FORWARD };

    /// A drop.
    pub fn drop(stage: Stage, reason: Reason, at: Option<At>) -> Verdict {
        Verdict { kind: Kind::Drop, stage: Some(stage), reason: Some(reason), at }
    }

    /// An answer that reports an error.
    pub fn error(stage: Stage, reason: Reason, at: At) -> Verdict {
        Verdict { kind: Kind::Reply, stage: Some(stage), reason: Some(reason), at: Some(at) }
    }
}

impl From<vpcd_wire::ParseError> for Reason {
    fn from(e: vpcd_wire::ParseError) -> Reason {
        use vpcd_wire::ParseError as E;
        match e {
            E::Truncated => Reason::Truncated,
            E::Vlan => Reason::Vlan,
            E::Ethertype => Reason::Ethertype,
            E::Oversize => Reason::Oversize,
            E::IpVersion => Reason::IpVersion,
            E::HeaderLength => Reason::HeaderLength,
            E::HeaderChecksum => Reason::HeaderChecksum,
            E::ExtHeaders => Reason::ExtHeaders,
            E::L4Header => Reason::L4Header,
            E::FragmentTiny => Reason::FragmentTiny,
            E::FragmentOverflow => Reason::FragmentOverflow,
            E::Neighbour => Reason::Neighbour,
        }
    }
}
