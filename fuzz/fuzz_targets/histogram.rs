//! See [`dpdkgen_fuzz::histogram`].
#![cfg_attr(fuzzing, no_main)]

dpdkgen_fuzz::target!(histogram);
