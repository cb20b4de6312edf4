/* ext2 on the disk: the structures, as the disk has them. All numbers are little endian, as those
   of the machine are.

       block group 0                    group 1, 2, ...
       +-------+-----+--------+--------+-------+-------+---------+
       | super | gdt | blocks | inodes | inode | data  | ...     |
       | block |     | bitmap | bitmap | table | ...   |         |
       +-------+-----+--------+--------+-------+-------+---------+

   The superblock stands at byte 1024. It and the group descriptors (gdt) have copies in some other
   groups, which only e2fsck reads. Block numbers are 32 bits wide; 0 means a hole. */
#pragma once

#include <lib/base.h>

#define EXT2_SUPER_OFFSET 1024
#define EXT2_SUPER_SIZE   1024
#define EXT2_MAGIC        0xef53

#define EXT2_BLOCK_SIZE_MIN 1024u

/* s_state. */
#define EXT2_STATE_CLEAN  1u /* unmounted properly */
#define EXT2_STATE_ERRORS 2u

/* Features that this code understands. A file system with another one is read-only if the feature
   is among the ro_compat ones, and refused if it is among the incompat ones. */
#define EXT2_COMPAT_DIR_INDEX     0x20u
#define EXT2_RO_COMPAT_SPARSE     0x01u
#define EXT2_RO_COMPAT_LARGE_FILE 0x02u
#define EXT2_INCOMPAT_FILETYPE    0x02u
#define EXT2_RO_COMPAT_UNDERSTOOD (EXT2_RO_COMPAT_SPARSE | EXT2_RO_COMPAT_LARGE_FILE)
#define EXT2_INCOMPAT_UNDERSTOOD  EXT2_INCOMPAT_FILETYPE
#define EXT2_COMPAT_SPARSE_SUPER2 0x200u

struct ext2_super {
    uint32_t s_inodes_count;
    uint32_t s_blocks_count;
    uint32_t s_r_blocks_count;
    uint32_t s_free_blocks_count;
    uint32_t s_free_inodes_count;
    uint32_t s_first_data_block;
    uint32_t s_log_block_size;
    uint32_t s_log_frag_size;
    uint32_t s_blocks_per_group;
    uint32_t s_frags_per_group;
    uint32_t s_inodes_per_group;
    uint32_t s_mtime;
    uint32_t s_wtime;
    uint16_t s_mnt_count;
    uint16_t s_max_mnt_count;
    uint16_t s_magic;
    uint16_t s_state;
    uint16_t s_errors;
    uint16_t s_minor_rev_level;
    uint32_t s_lastcheck;
    uint32_t s_checkinterval;
    uint32_t s_creator_os;
    uint32_t s_rev_level; /* 0: all that follows is unused */
    uint16_t s_def_resuid;
    uint16_t s_def_resgid;
    uint32_t s_first_ino;
    uint16_t s_inode_size;
    uint16_t s_block_group_nr;
    uint32_t s_feature_compat;
    uint32_t s_feature_incompat;
    uint32_t s_feature_ro_compat;
    uint8_t s_uuid[16];
    char s_volume_name[16];
    char s_last_mounted[64];
    uint32_t s_algorithm_usage_bitmap;
    uint8_t s_prealloc_blocks;
    uint8_t s_prealloc_dir_blocks;
    uint16_t s_reserved_gdt_blocks;
    uint8_t unused[816];
};
_Static_assert(sizeof(struct ext2_super) == EXT2_SUPER_SIZE, "the superblock has 1024 bytes");
_Static_assert(offsetof(struct ext2_super, s_magic) == 56, "as on the disk");
_Static_assert(offsetof(struct ext2_super, s_feature_compat) == 92, "as on the disk");
_Static_assert(offsetof(struct ext2_super, s_reserved_gdt_blocks) == 206, "as on the disk");

struct ext2_descriptor {
    uint32_t bg_block_bitmap;
    uint32_t bg_inode_bitmap;
    uint32_t bg_inode_table;
    uint16_t bg_free_blocks_count;
    uint16_t bg_free_inodes_count;
    uint16_t bg_used_dirs_count;
    uint8_t unused[14];
};
_Static_assert(sizeof(struct ext2_descriptor) == 32, "a group descriptor has 32 bytes");

/* The numbers of blocks in an inode: 12 of data, then one each of the indirect blocks. */
#define EXT2_DIRECT 12u
#define EXT2_NBLOCK 15u

#define EXT2_ROOT_INO       2u
#define EXT2_FIRST_INO_REV0 11u
#define EXT2_INODE_SIZE_MIN 128u
#define EXT2_LINK_MAX       32000u

/* i_flags. */
#define EXT2_FLAG_IMMUTABLE 0x10u
#define EXT2_FLAG_APPEND    0x20u
#define EXT2_FLAG_INDEX     0x1000u     /* a directory with a hash tree */
#define EXT2_FLAGS_FOREIGN  0x10080800u /* encrypted, extents, inline data: of ext4 alone */

struct ext2_inode {
    uint16_t i_mode;
    uint16_t i_uid;
    uint32_t i_size;
    uint32_t i_atime;
    uint32_t i_ctime;
    uint32_t i_mtime;
    uint32_t i_dtime;
    uint16_t i_gid;
    uint16_t i_links_count;
    uint32_t i_blocks; /* units of 512 bytes, indirect blocks included */
    uint32_t i_flags;
    uint32_t i_version;
    uint32_t i_block[EXT2_NBLOCK]; /* of a short symbolic link: its target */
    uint32_t i_generation;
    uint32_t i_file_acl;  /* a block of extended attributes */
    uint32_t i_size_high; /* of a regular file */
    uint32_t i_faddr;
    uint16_t unused1;
    uint16_t unused2;
    uint16_t i_uid_high;
    uint16_t i_gid_high;
    uint32_t unused3;

    /* The first bytes behind those that every inode has, if inodes are larger. Of these,
       i_extra_isize are fields; small extended attributes may follow them. */
    uint16_t i_extra_isize;
    uint16_t i_checksum_high;
    uint32_t i_ctime_extra; /* nanoseconds << 2, and bits 32 and 33 of the seconds */
    uint32_t i_mtime_extra;
    uint32_t i_atime_extra;
    uint32_t i_crtime;
    uint32_t i_crtime_extra;
    uint32_t i_version_high;
    uint32_t i_projid;
};
#define EXT2_EXTRA_SIZE (sizeof(struct ext2_inode) - EXT2_INODE_SIZE_MIN)
#define EXT2_EXTRA_TIMES \
    (offsetof(struct ext2_inode, i_crtime) - EXT2_INODE_SIZE_MIN) /* has the fields before it */
_Static_assert(offsetof(struct ext2_inode, i_extra_isize) == EXT2_INODE_SIZE_MIN,
               "the inode of old file systems has 128 bytes");
_Static_assert(sizeof(struct ext2_inode) == 160, "as on the disk");
_Static_assert(offsetof(struct ext2_inode, i_block) == 40, "as on the disk");
_Static_assert(offsetof(struct ext2_inode, i_uid_high) == 120, "as on the disk");

/* The first bytes of a block of extended attributes. */
#define EXT2_XATTR_MAGIC 0xea020000u

struct ext2_xattr_header {
    uint32_t h_magic;
    uint32_t h_refcount; /* the inodes that share the block */
    uint32_t h_blocks;
    uint32_t h_hash;
    uint32_t unused[4];
};

/* An entry of a directory. The entries of a block fill it: rec_len leads to the next one. */
struct ext2_dirent {
    uint32_t inode; /* 0: free space */
    uint16_t rec_len;
    uint8_t name_len;
    uint8_t file_type; /* with the feature filetype; otherwise 0 */
    char name[];
};
_Static_assert(sizeof(struct ext2_dirent) == 8, "the head of an entry has 8 bytes");

/* file_type. */
enum {
    EXT2_FT_UNKNOWN,
    EXT2_FT_REG,
    EXT2_FT_DIR,
    EXT2_FT_CHR,
    EXT2_FT_BLK,
    EXT2_FT_FIFO,
    EXT2_FT_SOCK,
    EXT2_FT_SYMLINK,
};
