//! Where a VPC meets the network behind its virtual private gateway: private addresses on both sides, IPv4 alone, nothing translated.

use super::{At, Cause, Observer, Pass, Reason, Stage, Walk, is_multicast};
use crate::topology::{DepKind, VpcIdx};
use vpcd_wire::Packet;

impl<O: Observer> Walk<'_, O> {
    /// RT-73; without a connection nothing gets through (VPN-20).
    pub(super) fn vpn_gateway_out(&mut self, vpc: VpcIdx) -> Pass {
        let at = At::VpnGateway(vpc);
        self.vpn_carries(at)?;
        self.note(DepKind::Vpc, vpc.0);
        let Some(port) = self.topology.vpcs.get(vpc.at()).and_then(|v| v.vgw) else {
            return self.stop(Stage::Vgw, Reason::NoTunnel, at);
        };
        self.observer.gate(Stage::Vgw, at, true, Cause::Plain);
        self.leave_by(Stage::Vgw, at, port)
    }

    /// A frame of the remote network: for who owns the address in the VPC, never for what lies beyond it (EIP-10, NAT-27).
    pub(super) fn enter_from_vpn(&mut self, vpc: VpcIdx) -> Pass {
        let at = At::VpnGateway(vpc);
        self.neighbour_discovery_at_the_edge()?;
        self.sane(at)?;
        self.vpn_carries(at)?;
        if is_multicast(self.original.dst) {
            return self.stop(Stage::Route, Reason::NoMulticast, at);
        }
        let Some(owner) = self.owner_in(vpc, self.original.dst) else {
            return self.stop(Stage::Vgw, Reason::NoOwner, at);
        };
        self.observer.gate(Stage::Vgw, at, true, Cause::Plain);
        self.note(DepKind::Vpc, vpc.0);
        let table = self.topology.vpcs.get(vpc.at()).and_then(|v| v.vgw_routes);
        let through = table.and_then(|t| self.steered(t, at));
        self.arrive(owner, through, at)
    }

    /// RT-96.
    fn vpn_carries(&mut self, at: At) -> Pass {
        if self.packet.has(Packet::V6) { self.stop(Stage::Vgw, Reason::Protocol, at) } else { Ok(()) }
    }
}
