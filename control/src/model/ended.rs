//! What has ended and stays visible for a while (NAT-10, NAT-11).

use super::*;

/// How long, in milliseconds.
const VISIBLE: u64 = 3_600_000;

impl Model {
    /// Time, for the operations that follow. What has been visible long enough after its end goes.
    pub fn set_now(&mut self, now: u64) {
        self.now = now;
        while let Some((at, id)) = self.leaving.first().filter(|(at, _)| *at <= now).cloned() {
            self.leaving.remove_mut(&(at, id.clone()));
            // A failed gateway that was deleted since leaves later than was thought when it failed.
            if self.leaves(&id) == Some(at) {
                self.nat_gateways.take(&id);
                self.instances.take(&id);
                self.customer_gateways.take(&id);
                self.vpn_connections.take(&id);
                self.forget(&id);
            }
        }
    }

    /// Takes note that a resource has ended.
    pub(super) fn has_ended(&mut self, id: &str) {
        if let Some(at) = self.leaves(id) {
            self.leaving.insert_mut((at, id.into()));
        }
    }

    /// When a resource that has ended goes for good.
    pub(super) fn leaves(&self, id: &str) -> Option<u64> {
        let nat = self.nat_gateways.get(id).and_then(NatGateway::ended);
        let terminated = |i: &&Instance| i.state == InstanceState::Terminated;
        let instance = || self.instances.get(id).filter(terminated).and_then(|i| i.ended.as_ref()).map(|e| e.0);
        let customer = || self.customer_gateways.get(id).and_then(|g| g.deleted);
        let connection = || self.vpn_connections.get(id).and_then(|c| c.deleted);
        Some(nat.or_else(instance).or_else(customer).or_else(connection)? + VISIBLE)
    }
}
