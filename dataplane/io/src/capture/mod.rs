//! Captures: files of frames with the time of each, as tcpdump and Wireshark write and read them.
//!
//! [`Reader`] understands both families. *pcap* is a header and records: one link type, one resolution of time. *pcapng* is a chain of
//! blocks: sections, each in its own byte order, with interfaces that have their own link type and clock. Either comes out as the same [`Record`]s, times in
//! nanoseconds, read as a stream in bounded memory. A length that cannot be true ends the reading with an error that names file and byte; it is never
//! believed. [`to_ethernet`] turns a record of the common link types into an Ethernet [`vpcd_wire::Frame`]. [`PcapngWriter`] writes what this
//! program writes: one section, one Ethernet interface, nanoseconds, and nothing that differs from one run to the next.

mod error;
mod link;
mod pcap;
mod pcapng;
mod reader;
mod source;
mod writer;

pub use error::{CaptureError, Fault};
pub use link::{UnsupportedLink, link_type_name, to_ethernet};
pub use reader::Reader;
pub use writer::{PcapngWriter, SectionInfo};

/// The most bytes that one captured packet may have, as in libpcap: the bound on what a record can make us allocate.
pub const MAX_PACKET: u32 = 262_144;

/// Link type of Ethernet, the one that we write.
pub const LINK_ETHERNET: u32 = 1;

/// One captured packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// When, in nanoseconds since 1970.
    pub ts: u64,
    /// What the data starts with: a number of the registry of link types.
    pub linktype: u32,
    /// The bytes that were kept.
    pub data: Vec<u8>,
    /// How long the packet was; more than `data` if the capture cut it short.
    pub orig_len: u32,
    /// The (first) comment on the packet, in pcapng.
    pub comment: Option<String>,
}

impl Record {
    /// Whether the capture kept less than the whole packet.
    pub fn is_cut(&self) -> bool {
        self.orig_len as usize > self.data.len()
    }
}
