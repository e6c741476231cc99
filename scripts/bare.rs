//! A program without an operating system, around the core: as a static library it links only while
//! neither std nor alloc is anywhere in it, since std would bring a second panic handler, and alloc
//! would want an allocator.
#![no_std]

pub use dpdkgen_core::*;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
