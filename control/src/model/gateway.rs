//! Internet and egress-only internet gateways (chapter 07, sections 1 and 2).

use super::*;

impl Model {
    /// CreateInternetGateway (IGW-01).
    pub fn create_internet_gateway(&mut self) -> Result<Id> {
        if self.internet_gateways.len() >= self.scalars.limits.internet_gateways {
            return refuse("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.");
        }
        let id = self.new_id("igw");
        self.internet_gateways.put(InternetGateway { id: id.clone(), vpc: None, table_association: None });
        Ok(id)
    }

    /// AttachInternetGateway (IGW-02).
    pub fn attach_internet_gateway(&mut self, gateway: &str, vpc: &str) -> Result<()> {
        let g = self.find::<InternetGateway>(gateway)?;
        self.find::<Vpc>(vpc)?;
        if let Some(other) = &g.vpc {
            return refuse(
                "Resource.AlreadyAssociated",
                format!("resource {gateway} is already attached to network {other}"),
            );
        }
        if let Some(other) = self.gateway_of(vpc) {
            return refuse(
                "InvalidParameterValue",
                format!("Network {vpc} already has an internet gateway attached ({})", other.id),
            );
        }
        self.internet_gateways.edit(gateway, |g| g.vpc = Some(vpc.into()));
        Ok(())
    }

    /// DetachInternetGateway (IGW-14, IGW-15).
    pub fn detach_internet_gateway(&mut self, gateway: &str, vpc: &str) -> Result<()> {
        let g = self.find::<InternetGateway>(gateway)?;
        self.find::<Vpc>(vpc)?;
        if g.vpc.as_deref() != Some(vpc) {
            return refuse("Gateway.NotAttached", format!("resource {gateway} is not attached to network {vpc}"));
        }
        let here = |interface: &str| self.interfaces.get(interface).is_some_and(|e| e.vpc == vpc);
        let mapped = self.interfaces.by(vpc).any(|e| e.public.is_some())
            || self.elastic_ips.iter().any(|a| a.association.as_ref().is_some_and(|a| here(&a.interface)));
        if mapped {
            return refuse(
                "DependencyViolation",
                format!(
                    "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
                ),
            );
        }
        if g.table_association.is_some() {
            return refuse("DependencyViolation", format!("The gateway {gateway} is associated with a route table."));
        }
        self.internet_gateways.edit(gateway, |g| g.vpc = None);
        Ok(())
    }

    /// DeleteInternetGateway (IGW-16).
    pub fn delete_internet_gateway(&mut self, gateway: &str) -> Result<()> {
        if self.find::<InternetGateway>(gateway)?.vpc.is_some() {
            return refuse(
                "DependencyViolation",
                format!("The internetGateway '{gateway}' has dependencies and cannot be deleted."),
            );
        }
        self.internet_gateways.take(gateway);
        self.forget(gateway);
        Ok(())
    }

    /// The internet gateway attached to a VPC.
    pub fn gateway_of(&self, vpc: &str) -> Option<&InternetGateway> {
        self.internet_gateways.by(vpc).next()
    }

    /// The egress-only internet gateway of a VPC.
    pub fn egress_only_of(&self, vpc: &str) -> Option<&EgressOnlyGateway> {
        self.egress_only_gateways.by(vpc).next()
    }

    /// CreateEgressOnlyInternetGateway (EIGW-01..03).
    pub fn create_egress_only_internet_gateway(&mut self, vpc: &str) -> Result<Id> {
        self.find::<Vpc>(vpc)?;
        if let Some(g) = self.egress_only_of(vpc) {
            return refuse(
                "Resource.AlreadyAssociated",
                format!("Network {vpc} already has an egress-only internet gateway ({})", g.id),
            );
        }
        if self.egress_only_gateways.len() >= self.scalars.limits.egress_only_gateways {
            return refuse(
                "EgressOnlyInternetGatewayLimitExceeded",
                "The maximum number of egress-only internet gateways has been reached.",
            );
        }
        let id = self.new_id("eigw");
        self.egress_only_gateways.put(EgressOnlyGateway { id: id.clone(), vpc: vpc.into() });
        Ok(id)
    }

    /// DeleteEgressOnlyInternetGateway; its routes stay as holes (EIGW-09).
    pub fn delete_egress_only_internet_gateway(&mut self, gateway: &str) -> Result<()> {
        self.find::<EgressOnlyGateway>(gateway)?;
        self.egress_only_gateways.take(gateway);
        self.forget(gateway);
        Ok(())
    }
}
