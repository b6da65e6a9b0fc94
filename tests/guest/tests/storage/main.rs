//! The storage of a box: from a scripted ACS through agent, bus and plugin to UDisks2, smartctl and the drives of the guest
//! (SATA, NVMe and USB), and back.

mod cabinet;
mod drives;
mod stick;
