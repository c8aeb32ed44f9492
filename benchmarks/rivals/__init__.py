"""What this package is compared with: other ways to do the same, each at its best.

They are written as somebody would write them who knows the library and does not know this
package. All settings that were tried are named where they are set.
"""
