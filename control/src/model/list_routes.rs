//! Routes whose destination is a prefix list: one for each of its entries (RT-47, S-03-5); and which routes of a table are in force.

use super::*;
use ipnet::IpNet;
use std::collections::BTreeSet;

impl Model {
    /// CreateRoute to a prefix list; the same route once more is no mistake.
    pub fn create_list_route(&mut self, table: &str, list: &str, target: RouteTarget) -> Result<()> {
        let (target, family) = self.list_route(table, list, target)?;
        let t = self.find::<RouteTable>(table)?;
        if let Some(known) = t.lists.iter().find(|r| r.list == list) {
            if known.target == target {
                return Ok(());
            }
            return refuse("RouteAlreadyExists", format!("The route identified by {list} already exists."));
        }
        self.routes_fit(t, family, self.prefix_list(list)?.weight(family))?;
        self.route_tables.edit(table, |t| t.lists.push(ListRoute { list: list.into(), target }));
        Ok(())
    }

    /// ReplaceRoute to a prefix list.
    pub fn replace_list_route(&mut self, table: &str, list: &str, target: RouteTarget) -> Result<()> {
        let (target, _) = self.list_route(table, list, target)?;
        if !self.find::<RouteTable>(table)?.lists.iter().any(|r| r.list == list) {
            return refuse(
                "InvalidParameterValue",
                format!("There is no route defined for '{list}' in the route table. Use CreateRoute instead."),
            );
        }
        self.route_tables.edit(table, |t| {
            for r in t.lists.iter_mut().filter(|r| r.list == list) {
                r.target = target.clone();
            }
        });
        Ok(())
    }

    /// DeleteRoute to a prefix list.
    pub fn delete_list_route(&mut self, table: &str, list: &str) -> Result<()> {
        if !self.find::<RouteTable>(table)?.lists.iter().any(|r| r.list == list) {
            return refuse(
                "InvalidRoute.NotFound",
                format!("no route with destination-prefix-list-id {list} in route table {table}"),
            );
        }
        self.route_tables.edit(table, |t| t.lists.retain(|r| r.list != list));
        Ok(())
    }

    /// The tables that name a prefix list.
    pub fn tables_naming<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a RouteTable> {
        self.route_tables.by(list).filter(move |t| t.lists.iter().any(|r| r.list == list))
    }

    /// All routes that packets meet, one for each prefix (chapter 03, section 4: local > static > prefix list > propagated, and a hole keeps
    /// its place). Those of the table; of each list an entry that no local route lies around, the lowest id first where lists share one; and
    /// what is propagated, unless it lies in a block whose local route leads to `local` (RT-45).
    pub fn routes_in_force(&self, t: &RouteTable) -> Vec<Route> {
        let mut all = t.routes.clone();
        let mut known: BTreeSet<IpNet> = all.iter().map(|r| r.destination).collect();
        let local = |net: &IpNet| t.routes.iter().any(|r| r.local && r.destination.contains(net));
        let mut lists: Vec<&ListRoute> = t.lists.iter().collect();
        lists.sort_by_key(|r| &r.list);
        for route in lists {
            for destination in self.prefix_list_nets(&route.list).map(|n| n.trunc()) {
                if !local(&destination) && known.insert(destination) {
                    all.push(Route { destination, target: route.target.clone(), local: false });
                }
            }
        }
        let leads_in = |r: &Route| r.local && r.target == RouteTarget::Local;
        let inside = |net: &IpNet| t.routes.iter().any(|r| leads_in(r) && r.destination.contains(net));
        all.extend(
            self.propagated_routes(t).into_iter().filter(|r| !inside(&r.destination) && known.insert(r.destination)),
        );
        all
    }

    /// Whether a table may have so many `more` routes of a family; local ones and the greatest size of lists count (RT-11, S-03-6).
    pub(super) fn routes_fit(&self, t: &RouteTable, family: AddressFamily, more: usize) -> Result<()> {
        let lists = t.lists.iter().filter_map(|r| self.prefix_list(&r.list).ok());
        let own = t.routes.iter().filter(|r| AddressFamily::of(&r.destination) == family).count();
        if own + lists.map(|l| l.weight(family)).sum::<usize>() + more > self.scalars.limits.routes_per_table {
            return refuse(
                "RouteLimitExceeded",
                format!("The maximum number of routes has been reached for the route table: {}.", t.id),
            );
        }
        Ok(())
    }

    /// The target of a route to a list, and the list's family.
    fn list_route(&self, table: &str, list: &str, target: RouteTarget) -> Result<(RouteTarget, AddressFamily)> {
        let family = self.prefix_list(list)?.family;
        let any = match family {
            AddressFamily::V4 => IpNet::V4(Default::default()),
            AddressFamily::V6 => IpNet::V6(Default::default()),
        };
        let target = self.route_target(table, any, target)?;
        if target == RouteTarget::Local {
            return refuse("InvalidParameterValue", "A local route cannot be created; it comes with its block.");
        }
        if self.serves_gateway(table) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "The route table {table} is associated with a gateway and cannot have a route to a prefix list."
                ),
            );
        }
        Ok((target, family))
    }
}
